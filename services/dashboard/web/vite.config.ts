import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vite";

/** Beside each text its compressed forms: whoever serves them need not compress at all. */
const compressed = (folder: string): Plugin => ({
  name: "compressed",
  apply: "build",
  closeBundle() {
    for (const name of readdirSync(folder).filter((file) => /\.(js|css|svg)$/.test(file))) {
      const content = readFileSync(`${folder}/${name}`);
      writeFileSync(`${folder}/${name}.br`, brotliCompressSync(content));
      writeFileSync(`${folder}/${name}.gz`, gzipSync(content, { level: 9 }));
    }
  },
});

/** Built into the Python package, which serves it. `SLOTSTREAM_DASHBOARD` is where `vite dev` finds the API. */
export default defineConfig({
  plugins: [react(), compressed("../src/dashboard/static/assets")],
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
  // A slow machine needs for one of them more than the five seconds there are else.
  test: { environment: "node", include: ["tests/**/*.test.ts"], testTimeout: 120_000 },
} as never);
