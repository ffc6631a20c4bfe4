import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { AppointmentDrawer } from "./Drawer";

/** The drawer's content as a page of its own: what a link leads to. */
export function AppointmentPage() {
  const { id } = useParams({ from: "/appointments/$id" });
  const { tab = "details" } = useSearch({ from: "/appointments/$id" });
  const navigate = useNavigate({ from: "/appointments/$id" });
  const [write, setWrite] = useState<number>();
  return (
    <div className="single">
      <AppointmentDrawer
        id={id}
        full
        place={tab === "messages" ? { tab, write } : { tab }}
        onPlace={(place) => {
          setWrite(place.write);
          void navigate({ search: { tab: place.tab === "details" ? undefined : place.tab }, replace: true });
        }}
        onClose={() => void navigate({ to: "/appointments" })}
        onOther={(other) => void navigate({ params: { id: other }, search: {} })}
      />
    </div>
  );
}
