/** Texts of five languages; the server-rendered pages read files of the same form. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./locales/en.json";

export const LANGUAGES = ["en", "de", "fr", "es", "ar"] as const;
export type Language = (typeof LANGUAGES)[number];

const files = import.meta.glob<{ default: Record<string, unknown> }>("./locales/{de,fr,es,ar}.json");

export const isRightToLeft = (language: string): boolean => language.startsWith("ar");

/** The first of the wishes that there is; English where none is. */
export function chooseLanguage(wishes: readonly (string | null | undefined)[]): Language {
  for (const wish of wishes) {
    const short = wish?.toLowerCase().split("-")[0];
    const known = LANGUAGES.find((language) => language === short);
    if (known) return known;
  }
  return "en";
}

/** What the reader has chosen here, else what is known of them. */
export const languageOf = (known?: string): Language => chooseLanguage([localStorage.getItem("slotstream-language"), known, ...navigator.languages]);

export async function startTexts(language: Language): Promise<void> {
  const own = language === "en" ? undefined : await files[`./locales/${language}.json`]?.();
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    resources: { en: { translation: en }, ...(own ? { [language]: { translation: own.default } } : {}) },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  document.documentElement.lang = language;
  document.documentElement.dir = isRightToLeft(language) ? "rtl" : "ltr";
}
