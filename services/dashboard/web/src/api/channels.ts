/** What messages can be sent on here: what else is asked for is refused, so nothing else is offered. */
import { useQuery } from "@tanstack/react-query";
import { ask } from "./client";
import type { components } from "./schema/notifications";

export type ChannelState = components["schemas"]["ChannelOut"];

/** Every channel, and whether it is set up; undefined until the answer has come. */
export function useChannelStates(): readonly ChannelState[] | undefined {
  return useQuery({ queryKey: ["channels"], queryFn: () => ask<components["schemas"]["ChannelsOut"]>("notifications", "/channels"), staleTime: 600_000 }).data?.items;
}

/** Those that are set up; e-mail alone until the answer has come. */
export function useChannels(): string[] {
  return useChannelStates()?.filter((item) => item.available).map((item) => item.channel) ?? ["email"];
}
