import i18next from "i18next";
import { beforeAll, expect, test } from "vitest";
import { ProblemError } from "../src/api/client";
import de from "../src/locales/de.json";
import { calendarErrorKey } from "../src/setup/calendarErrors";
import { nameOfField, nameReason, sayError, sayField, sayReason } from "../src/ui/Problem";

beforeAll(() => i18next.init({ lng: "de", resources: { de: { translation: de } }, interpolation: { escapeValue: false } }));

test("what is wrong with a field is said in the reader's language, by the field's own name", () => {
  const t = i18next.t;
  const said = (pointer: string, code: string) => `${nameOfField(t, pointer)} ${sayField(t, code)}`;
  expect(said("/client/phone", "too_long")).toBe("Telefon ist zu lang");
  expect(said("/internal_notes", "missing")).toBe("Interne Notizen fehlt");
  expect(said("/capacity", "out_of_range")).toBe(`${de.services.field.capacity} ist zu klein oder zu groß`);
  expect(said("/embed_origins/0", "string_that_nobody_knows")).toBe("embed_origins ist nicht so geschrieben, wie es sein soll");
});

test("a form that was refused is not explained by the service's own English", () => {
  const problem = { title: "", status: 422, detail: "The request is not valid", code: "invalid", trace_id: null };
  expect(sayError(i18next.t, new ProblemError({ ...problem, errors: [{ pointer: "/name", code: "missing", detail: "This is needed" }] }))).toBe("Etwas im Formular stimmt nicht.");
});

test("why a calendar could not be read has a sentence, whatever the code", () => {
  expect(i18next.t(calendarErrorKey("unauthorized"))).toBe(de.calendars.error_signIn);
  expect(i18next.t(calendarErrorKey("secret_unreadable"))).toBe(de.error.unexpected);
});

test("why a message is not sent is a sentence where it stands by itself, and words within one", () => {
  const erased = { code: "client_erased", detail: "" };
  const refusal = { title: "", status: 409, trace_id: null, ...erased };
  expect(sayError(i18next.t, new ProblemError(refusal))).toBe("Der Kunde wurde gelöscht.");
  expect(sayError(i18next.t, new ProblemError({ ...refusal, reasons: [erased] }))).toBe("Der Kunde wurde gelöscht.");
  expect(sayReason(i18next.t, { code: "slot_taken", detail: "" })).toBe(de.code.slot_taken);
  expect(nameReason(i18next.t, erased)).toBe(de.code.client_erased);
});

test("every refusal begins with a capital letter and ends as a sentence, in each language", async () => {
  for (const locale of ["en", "es", "fr"] as const) {
    const texts = (await import(`../src/locales/${locale}.json`)).default as typeof de;
    await i18next.init({ lng: locale, resources: { [locale]: { translation: texts } }, interpolation: { escapeValue: false } });
    for (const code of Object.keys(texts.code)) expect(sayReason(i18next.t, { code, detail: "" })).toMatch(/^[^a-zà-ÿ].*[.!?…:]$/su);
  }
});
