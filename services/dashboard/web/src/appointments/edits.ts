/** Edits in place, sent one after the other: each upon the version that the own one before it has left. */
import { edit, type PlainAppointment } from "../api/appointments";
import { turns } from "../api/turns";

export type Fields = Partial<Pick<PlainAppointment, "action_id" | "share_with_client" | "notes" | "internal_notes">>;

const inTurn = turns();
let answered: PlainAppointment | undefined;

/** The appointment as it is then. Nothing is sent where it is so already, as for whoever has pressed twice. */
export function editInPlace(seen: PlainAppointment, fields: Fields): Promise<PlainAppointment> {
  return inTurn(async () => {
    const known = answered?.id === seen.id && answered.version > seen.version ? answered : seen;
    if (Object.entries(fields).every(([name, value]) => known[name as keyof Fields] === value)) return known;
    answered = await edit(known, fields);
    return answered;
  });
}
