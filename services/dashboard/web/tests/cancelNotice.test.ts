import { expect, test } from "vitest";
import { noticeOf } from "../src/appointments/cancelNotice";

const AT_NOON = { starts_at: "2026-11-23T12:00:00Z" };
const at = (time: string) => Date.parse(`2026-11-${time}Z`);

test("a cancellation is late once the service's notice has begun, not at its last instant", () => {
  expect(noticeOf(AT_NOON, 1440, at("22T12:00:00"))).toEqual({ until: at("22T12:00:00"), minutes: 1440, late: false });
  expect(noticeOf(AT_NOON, 1440, at("22T12:00:01"))?.late).toBe(true);
});

test("a service without notice says nothing of it", () => expect(noticeOf(AT_NOON, 0, at("23T11:59:00"))).toBeNull());
