import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { askAnew } from "../src/api/askAnew";

/** A list that is shown, whose answers are given by hand: each holds what was true when it was asked for. */
function shown() {
  const client = new QueryClient();
  const world = { value: "before" };
  const answers: (() => void)[] = [];
  const observer = new QueryObserver(client, {
    queryKey: ["appointments", "window"],
    queryFn: () => {
      const read = world.value;
      return new Promise<string>((resolve) => answers.push(() => resolve(read)));
    },
  });
  const stop = observer.subscribe(() => undefined);
  const answer = async () => {
    answers.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { client, world, answer, stop, asked: () => answers.length, known: () => client.getQueryData(["appointments", "window"]) };
}

describe("askAnew", () => {
  it("reads once more what was on its way for the first time when it changed", async () => {
    const list = shown();
    list.world.value = "after";
    const asked = askAnew(list.client, ["appointments"]);
    await list.answer();
    expect(list.known()).toBe("before");
    await list.answer();
    await asked;
    expect(list.known()).toBe("after");
    list.stop();
  });

  it("asks once where there is an answer already", async () => {
    const list = shown();
    await list.answer();
    list.world.value = "after";
    const asked = askAnew(list.client, ["appointments"]);
    expect(list.asked()).toBe(1);
    await list.answer();
    await asked;
    expect(list.known()).toBe("after");
    expect(list.asked()).toBe(0);
    list.stop();
  });
});
