import "@fontsource-variable/inter/wght.css";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components";
import { createRoot } from "react-dom/client";
import i18next from "i18next";
import { ProblemError } from "./api/client";
import { SessionContext, readSession } from "./api/session";
import { BusinessProvider } from "./business";
import { languageOf, startTexts } from "./i18n";
import { router } from "./router";
import { keepTyped, keepTypedOf } from "./typed";
import "../../src/dashboard/styles/tokens.css";
import "./app.css";
import "./parts.css";

const RELOADED = "slotstream-reloaded-for";

/** A part of a former release is gone: the page is loaded anew once, at the address wanted, with what was typed there. */
function reloadOnce(): void {
  if (sessionStorage.getItem(RELOADED) === location.href) return;
  sessionStorage.setItem(RELOADED, location.href);
  keepTyped();
  location.reload();
}
window.addEventListener("vite:preloadError", (event) => {
  event.preventDefault();
  reloadOnce();
});

const client = new QueryClient({
  queryCache: new QueryCache(),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What was refused is refused again; what did not answer may.
      retry: (count, error) => count < 2 && !(error instanceof ProblemError && error.problem.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});

async function start(): Promise<void> {
  const theme = localStorage.getItem("slotstream-theme");
  if (theme) document.documentElement.dataset.theme = theme;
  const session = await readSession();
  await startTexts(languageOf(session.user.locale));
  const kept = keepTypedOf(session.user.id);
  const element = document.getElementById("root");
  if (!element) throw new Error("the page has no root");
  createRoot(element).render(
    <StrictMode>
      <I18nProvider locale={i18next.language}>
        <QueryClientProvider client={client}>
          <SessionContext value={session}>
            <BusinessProvider>
              <RouterProvider router={router} />
            </BusinessProvider>
          </SessionContext>
        </QueryClientProvider>
      </I18nProvider>
    </StrictMode>,
  );
  if (kept) void import("./putBack").then(({ putBack }) => putBack(kept));
}

/** What has not started says so in the reader's language, or in English where that cannot be had either. */
async function sayNoStart(): Promise<void> {
  await startTexts(languageOf()).catch(() => startTexts("en"));
  const text = document.createElement("p");
  text.textContent = i18next.t("error.noStart");
  const again = document.createElement("button");
  again.className = "btn";
  again.textContent = i18next.t("error.reload");
  again.onclick = () => location.reload();
  const page = document.createElement("main");
  page.className = "pad";
  page.setAttribute("role", "alert");
  page.append(text, again);
  document.body.replaceChildren(page);
}

start().catch((error: unknown) => {
  // 401 is already on its way to the sign-in page; anything else is said plainly.
  if (error instanceof ProblemError && error.problem.status === 401) return;
  void sayNoStart();
});
