import { csvOf } from "./reports/csv";

/** Hands a table over as a file for spreadsheets. */
export function saveCsv(name: string, rows: readonly (readonly string[])[]): void {
  const link = document.createElement("a");
  // The mark tells spreadsheets that it is UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", csvOf(rows)], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
