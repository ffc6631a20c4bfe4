import i18next from "i18next";
import { beforeAll, expect, test } from "vitest";
import { ProblemError } from "../src/api/client";
import de from "../src/locales/de.json";
import { calendarErrorKey } from "../src/setup/calendarErrors";
import { nameOfField, sayError, sayField } from "../src/ui/Problem";

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
