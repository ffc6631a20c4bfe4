import { useNavigate, useParams } from "@tanstack/react-router";
import { AppointmentDrawer } from "./Drawer";

/** The drawer's content as a page of its own: what a link leads to. */
export function AppointmentPage() {
  const { id } = useParams({ from: "/appointments/$id" });
  const navigate = useNavigate();
  return (
    <div className="single">
      <AppointmentDrawer id={id} full onClose={() => void navigate({ to: "/appointments" })} onOther={(other) => void navigate({ to: "/appointments/$id", params: { id: other } })} />
    </div>
  );
}
