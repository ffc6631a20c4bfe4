import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

declare const process: { env: Record<string, string | undefined> };

/** Built into the Python package, which serves it. `SLOTSTREAM_DASHBOARD` is where `vite dev` finds the API. */
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/dashboard/static",
    emptyOutDir: true,
    manifest: true,
    target: "es2023",
    // Fonts and images stay files: the policy allows `data:` for images only.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/events", "/sign-in", "/sign-out"].map((path) => [path, process.env.SLOTSTREAM_DASHBOARD ?? "http://localhost:8000"]),
    ),
  },
  test: { environment: "node", include: ["tests/**/*.test.ts"] },
} as never);
