import { describe, expect, test } from "vitest";
import { leadId, leadOf, leadsWith, sayLead, shortLead } from "../src/settings/leads";

describe("how long before an appointment", () => {
  test("is said in the reader's words, days only where they are counted by the clock", () => {
    const say = (minutes_before: number, by_clock = false, language = "en") => sayLead({ minutes_before, by_clock }, language);
    expect([say(30), say(60), say(90), say(1440, true), say(1440), say(2880, true)]).toEqual(["30 minutes", "1 hour", "90 minutes", "1 day", "24 hours", "2 days"]);
    expect(say(120, false, "de")).toBe("2 Stunden");
  });

  test("is short on the screens of reminders, and a day is not 24 hours", () => {
    const say = (minutes_before: number, by_clock = false) => shortLead({ minutes_before, by_clock }, "en");
    expect([say(90), say(120), say(1440, true), say(1440), say(2880, true), say(1530)]).toEqual(["1\u00a0hr 30\u00a0min", "2\u00a0hr", "1\u00a0day", "24\u00a0hr", "2\u00a0days", "25\u00a0hr 30\u00a0min"]);
  });

  test("has a name that leads back to it", () => {
    for (const lead of leadsWith(null)) expect(leadOf(leadId(lead))).toEqual(lead);
    expect(new Set(leadsWith(null).map(leadId)).size).toBe(leadsWith(null).length);
  });

  test("is offered as it was chosen elsewhere, in its place", () => {
    const odd = { minutes_before: 45, by_clock: false };
    const offered = leadsWith(odd).map(leadId);
    expect(offered.slice(offered.indexOf("30"), offered.indexOf("60") + 1)).toEqual(["30", "45", "60"]);
    expect(leadsWith({ minutes_before: 30, by_clock: false })).toEqual(leadsWith(null));
  });
});
