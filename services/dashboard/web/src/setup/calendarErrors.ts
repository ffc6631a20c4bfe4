/** Why a calendar could not be read, as its readers can do something about it. */

const SAID: Readonly<Record<string, string>> = {
  invalid_url: "address",
  insecure: "address",
  unreachable: "answer",
  timed_out: "answer",
  bad_answer: "answer",
  server_error: "answer",
  refused: "answer",
  too_many_redirects: "answer",
  unsupported_encoding: "answer",
  rate_limited: "answer",
  unauthorized: "signIn",
  not_found: "gone",
  not_a_calendar: "content",
  unreadable_calendar: "content",
  truncated_calendar: "content",
  no_event_readable: "content",
  too_large: "size",
  too_many_events: "size",
  expansion_timed_out: "size",
  mass_deletion: "emptied",
};

/** The key of its sentence; what only those can mend who run this is not explained. */
export const calendarErrorKey = (code: string): string => (SAID[code] ? `calendars.error_${SAID[code]}` : "error.unexpected");
