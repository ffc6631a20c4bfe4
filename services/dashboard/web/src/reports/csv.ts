/** A table as a file for spreadsheets, in which no cell is run: names are typed by clients. */

const RUNS_AS_FORMULA = /^'*[=+\-@\t\r]/;
const NUMBER_OR_PHONE = /^'*[+-]?[\d ().,/-]*\d$/;

/** Quoted where a spreadsheet would take it for a formula, as the services' exports do; numbers and phones stay. */
export const defused = (cell: string): string => (RUNS_AS_FORMULA.test(cell) && !NUMBER_OR_PHONE.test(cell) ? `'${cell}` : cell);

export const csvOf = (rows: readonly (readonly string[])[]): string => rows.map((row) => row.map((cell) => `"${defused(cell).replaceAll('"', '""')}"`).join(",")).join("\r\n");
