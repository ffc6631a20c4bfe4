/** What availability has against a time, before booking decides. */
import { ask } from "./client";
import type { components } from "./schema/availability";

type Wish = components["schemas"]["BookabilityIn"];
export type Doubt = components["schemas"]["BookabilityOut"]["reasons"][number];

/** All reasons against it; none where it cannot be told now. */
export const doubtsAbout = (wish: Partial<Wish>): Promise<readonly Doubt[]> =>
  ask<components["schemas"]["BookabilityOut"]>("availability", "/bookability", { method: "POST", body: wish }).then(
    (answer) => answer.reasons,
    () => [],
  );
