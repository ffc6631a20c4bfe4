import { expect, test } from "vitest";
import { onceAtATime } from "../src/ui/busy";

function button() {
  const said: boolean[] = [];
  const ends: { well: () => void; badly: (failure: Error) => void }[] = [];
  const once = onceAtATime((busy) => said.push(busy));
  const press = () => once(() => new Promise<void>((well, badly) => ends.push({ well, badly })));
  return { said, ends, press, once };
}

test("a second press does nothing while what the first one began is under way", async () => {
  const { ends, press, said } = button();
  const first = press();
  await press();
  expect(ends).toHaveLength(1);
  expect(said).toEqual([true]);

  ends[0]?.well();
  await first;
  void press();
  expect(ends).toHaveLength(2);
  expect(said).toEqual([true, false, true]);
});

test("what was refused can be pressed again", async () => {
  const { ends, press, said } = button();
  const first = press();
  ends[0]?.badly(new Error("refused"));
  await expect(first).rejects.toThrow("refused");
  void press();
  expect(ends).toHaveLength(2);
  expect(said).toEqual([true, false, true]);
});

test("what is done at once is never busy", async () => {
  const { once, said } = button();
  let done = 0;
  await once(() => (done += 1));
  await once(() => (done += 1));
  expect([done, said]).toEqual([2, []]);
});
