/** What is done with an appointment, sent one after the other: each upon the version that the own one before it has left. */
import { act, edit, type PlainAppointment, type VerbBody } from "../api/appointments";
import { turns } from "../api/turns";

export type Fields = Partial<Pick<PlainAppointment, "action_id" | "quoted_price" | "actual_price" | "share_with_client" | "notes" | "internal_notes">>;

const inTurn = turns();
let answered: PlainAppointment | undefined;

const newestOf = (seen: PlainAppointment): PlainAppointment => (answered?.id === seen.id && answered.version > seen.version ? answered : seen);

/** The appointment as it is then. Nothing is sent where it is so already, as for whoever has pressed twice. */
export function editInPlace(seen: PlainAppointment, fields: Fields): Promise<PlainAppointment> {
  return inTurn(async () => {
    const known = newestOf(seen);
    if (Object.entries(fields).every(([name, value]) => JSON.stringify(known[name as keyof Fields]) === JSON.stringify(value))) return known;
    answered = await edit(known, fields);
    return answered;
  });
}

const underWay = new Set<string>();

/** One step of an appointment; null for whoever presses again before it is answered. */
export async function actOnce(seen: PlainAppointment, verb: string, body: VerbBody): Promise<PlainAppointment | null> {
  const step = `${seen.id} ${verb}`;
  if (underWay.has(step)) return null;
  underWay.add(step);
  try {
    return await inTurn(async () => {
      answered = await act(newestOf(seen), verb, body);
      return answered;
    });
  } finally {
    underWay.delete(step);
  }
}
