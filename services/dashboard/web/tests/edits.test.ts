import { afterEach, expect, test, vi } from "vitest";
import type { PlainAppointment } from "../src/api/appointments";
import { ProblemError } from "../src/api/client";
import { actOnce, editInPlace } from "../src/appointments/edits";

const appointmentOf = (id: string, version: number, fields: object = {}) => ({ id, version, share_with_client: false, notes: null, ...fields }) as unknown as PlainAppointment;

/** Booking, which holds one appointment. */
function booking(held: PlainAppointment) {
  const kept = { now: held };
  const sent: string[] = [];
  vi.stubGlobal("fetch", async (_: string, request: RequestInit) => {
    const expected = new Headers(request.headers).get("If-Match");
    sent.push(`${expected} ${request.body}`);
    if (expected !== `"${kept.now.version}"`) return new Response(JSON.stringify({ title: "", status: 412, detail: "", code: "version_conflict", trace_id: null }), { status: 412 });
    kept.now = { ...kept.now, ...(JSON.parse(String(request.body)) as object), version: kept.now.version + 1 };
    return new Response(JSON.stringify(kept.now));
  });
  return { kept, sent };
}

afterEach(() => vi.unstubAllGlobals());

test("what is edited right after another edit goes upon its version, and what is pressed twice is sent once", async () => {
  const seen = appointmentOf("a", 1);
  const { kept, sent } = booking(seen);
  await Promise.all([editInPlace(seen, { share_with_client: true }), editInPlace(seen, { share_with_client: true }), editInPlace(seen, { notes: "Rings twice" })]);
  expect(sent).toEqual(['"1" {"share_with_client":true}', '"2" {"notes":"Rings twice"}']);
  expect(kept.now).toMatchObject({ version: 3, share_with_client: true, notes: "Rings twice" });
});

test("an edit upon what another desk has changed meanwhile is refused, and goes once that is seen", async () => {
  const seen = appointmentOf("b", 1);
  const { kept } = booking(appointmentOf("b", 2, { notes: "Theirs" }));
  await expect(editInPlace(seen, { share_with_client: true })).rejects.toBeInstanceOf(ProblemError);
  await editInPlace(kept.now, { share_with_client: true });
  expect(kept.now).toMatchObject({ version: 3, notes: "Theirs", share_with_client: true });
});

test("an own edit of one appointment says nothing of another one", async () => {
  const { sent } = booking(appointmentOf("c", 7));
  await editInPlace(appointmentOf("c", 7), { share_with_client: true });
  booking(appointmentOf("d", 2));
  await expect(editInPlace(appointmentOf("d", 2), { share_with_client: true })).resolves.toMatchObject({ id: "d", version: 3 });
  expect(sent).toHaveLength(1);
});

test("a step that is pressed twice is sent once, and one right after an edit goes upon its version", async () => {
  const seen = appointmentOf("e", 1);
  const { sent } = booking(seen);
  const [, confirmed, again] = await Promise.all([editInPlace(seen, { notes: "Rings twice" }), actOnce(seen, "confirm", {}), actOnce(seen, "confirm", {})]);
  expect(sent).toEqual(['"1" {"notes":"Rings twice"}', '"2" {}']);
  expect([confirmed?.version, again]).toEqual([3, null]);
});

test("a step that was refused can be tried again", async () => {
  const seen = appointmentOf("f", 1);
  const { kept } = booking(appointmentOf("f", 2));
  await expect(actOnce(seen, "confirm", {})).rejects.toBeInstanceOf(ProblemError);
  await expect(actOnce(kept.now, "confirm", {})).resolves.toMatchObject({ version: 3 });
});
