/** The channels that messages can be sent on here: e-mail until the answer has come. */
import { useQuery } from "@tanstack/react-query";
import { ask } from "./client";
import type { components } from "./schema/notifications";

export function useChannels(): string[] {
  const channels = useQuery({ queryKey: ["channels"], queryFn: () => ask<components["schemas"]["ChannelsOut"]>("notifications", "/channels"), staleTime: 600_000 });
  return channels.data?.items.filter((item) => item.available).map((item) => item.channel) ?? ["email"];
}
