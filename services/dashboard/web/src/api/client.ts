/**
 * One way to the services: through the dashboard's own origin, which adds the caller's token. A refusal is a
 * `ProblemError` with the service's stable code; whoever is no longer signed in is sent to the sign-in page.
 */
import { keepTyped } from "../typed";

export type Reason = { code: string; detail: string; conflicts_with?: string[] };

export type Problem = {
  title: string;
  status: number;
  detail: string;
  code: string;
  trace_id: string | null;
  errors?: { pointer: string; code: string; detail: string }[] | null;
  reasons?: Reason[] | null;
  current_version?: number | null;
  retry_after?: number | null;
  existing_id?: string | null;
};

export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = "ProblemError";
  }

  get code(): string {
    return this.problem.code;
  }
}

/** No answer came: the network, or the dashboard itself. What was sent may have been done. */
export class UnreachableError extends Error {
  constructor() {
    super("unreachable");
    this.name = "UnreachableError";
  }
}

export type Service = "booking" | "availability" | "notifications" | "imports" | "calendar-sync";
export type Query = Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>;

export type Request = {
  method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  query?: Query;
  body?: unknown;
  /** Of what is shown: the change is refused where somebody else was faster. */
  version?: number;
  /** One per body; the same again for a repeated attempt. */
  key?: string;
  signal?: AbortSignal;
  /** Sent even though the page is being left. */
  outlivesPage?: boolean;
};

export type Answer<T> = { body: T; version: string | null; response: Response };

let csrfToken = "";
export const useCsrfToken = (token: string): void => {
  csrfToken = token;
};

export function addressOf(service: Service, path: string, query: Query = {}): string {
  return `/api/${service}/v1${path}${search(query)}`;
}

function search(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const item of Array.isArray(value) ? value : [value]) parameters.append(name, String(item));
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

export async function send<T>(address: string, request: Request = {}): Promise<Answer<T>> {
  const method = request.method ?? "GET";
  const headers = new Headers({ Accept: "application/json" });
  if (method !== "GET") {
    headers.set("X-CSRF-Token", csrfToken);
    headers.set("Idempotency-Key", request.key ?? crypto.randomUUID());
  }
  if (request.version !== undefined) headers.set("If-Match", `"${request.version}"`);
  const form = request.body instanceof FormData;
  if (request.body !== undefined && !form) headers.set("Content-Type", "application/json");
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers,
      signal: request.signal,
      keepalive: request.outlivesPage,
      body: request.body === undefined ? undefined : form ? (request.body as FormData) : JSON.stringify(request.body),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new UnreachableError();
  }
  if (response.status === 401) signInAgain();
  if (!response.ok) throw new ProblemError(await problemOf(response));
  const text = response.status === 204 ? "" : await response.text();
  return {
    body: (text ? JSON.parse(text) : null) as T,
    version: response.headers.get("Slotstream-Version"),
    response,
  };
}

export async function ask<T>(service: Service, path: string, request: Request = {}): Promise<T> {
  return (await send<T>(addressOf(service, path, request.query), request)).body;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Problem;
    if (typeof body.code === "string") return body;
  } catch {
    // Something between answered, not a service: what it says is not for people.
  }
  return { title: response.statusText, status: response.status, detail: "", code: "unexpected_answer", trace_id: null };
}

let leaving = false;
function signInAgain(): void {
  if (leaving) return;
  leaving = true;
  keepTyped();
  const here = `${location.pathname}${location.search}`;
  location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}
