import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

type Texts = { [key: string]: string | Texts };
const folder = new URL("../src/locales/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (name: string): Texts => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const flat = (texts: Texts, path = ""): [string, string][] => Object.entries(texts).flatMap(([key, value]) => (typeof value === "string" ? [[path + key, value] as [string, string]] : flat(value, `${path}${key}.`)));
const english = flat(read("en.json"));
const plural = /_(zero|one|two|few|many|other)$/;
const names = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

test.each(files)("%s has every text of the English file, with its placeholders and the language's plural forms", (file) => {
  const own = new Map(flat(read(file)));
  const forms = new Intl.PluralRules(file.replace(".json", "")).resolvedOptions().pluralCategories;
  const missing: string[] = [];
  for (const [key, text] of english) {
    const stem = key.replace(plural, "");
    const keys = stem === key ? [key] : forms.map((form) => `${stem}_${form}`);
    for (const wanted of keys) {
      const found = own.get(wanted);
      if (!found) missing.push(wanted);
      // "one" may say the number in a word, or leave it out.
      else if (stem === key) expect([wanted, names(found)]).toEqual([wanted, names(text)]);
    }
  }
  expect(missing).toEqual([]);
});

test("there is a file for each of the five languages", () => {
  expect(files.sort()).toEqual(["ar.json", "de.json", "en.json", "es.json", "fr.json"]);
});

test("every text that the code asks for is there", () => {
  const keys = new Set(english.map(([key]) => key.replace(plural, "")));
  const sources = (path: URL): URL[] => readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? sources(new URL(`${entry.name}/`, path)) : /\.tsx?$/.test(entry.name) ? [new URL(entry.name, path)] : []));
  const asked = sources(new URL("../src/", import.meta.url)).flatMap((file) => [...readFileSync(file, "utf8").matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1] ?? ""));
  expect([...new Set(asked)].filter((key) => !keys.has(key))).toEqual([]);
});
