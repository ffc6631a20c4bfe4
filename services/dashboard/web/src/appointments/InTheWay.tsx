/** Whose appointments stand in the way, beside the reason that says that something does. */
import { useQuery } from "@tanstack/react-query";
import { readInTheWay } from "../api/inTheWay";
import { AppointmentLinks } from "./AppointmentLinks";

const SHOWN = 5;

export default function InTheWay({ ids }: { ids: readonly string[] }) {
  const { data } = useQuery({ queryKey: ["inTheWay", ids], queryFn: ({ signal }) => readInTheWay(ids, signal), staleTime: 10_000 });
  return data?.length ? <AppointmentLinks appointments={data} most={SHOWN} /> : null;
}
