/** Clients found while typing a part of a name, phone or address. */
import { useQuery } from "@tanstack/react-query";
import { ask } from "../api/client";
import { ComboBox } from "../ui/fields";
import type { Client } from "./ClientsPage";

export function useFoundClients(text: string, enabled = true): readonly Client[] {
  const wanted = text.trim();
  const found = useQuery({
    queryKey: ["clients", "find", wanted],
    enabled: enabled && wanted.length > 1,
    queryFn: ({ signal }) => ask<{ items: Client[] }>("booking", "/clients", { query: { q: wanted, limit: 8 }, signal }),
    placeholderData: (previous) => previous,
  });
  return found.data?.items ?? [];
}

export const optionOf = (client: Client) => ({ id: client.id, name: client.name, detail: [client.phone, client.email].filter(Boolean).join(" · ") });

export type Picked = { id: string | null; text: string };

type Props = { label: string; value: Picked; onChange: (picked: Picked) => void; without?: string; hint?: string };

/** One client that there is. Whoever is typed and not found is nobody. */
export function ClientPicker({ label, value, onChange, without, hint }: Props) {
  const options = useFoundClients(value.text).filter((client) => client.id !== without);
  return (
    <ComboBox
      label={label}
      hint={hint}
      value={value.id}
      text={value.text}
      onText={(text) => text !== value.text && onChange({ id: options.find((client) => client.name === text)?.id ?? null, text })}
      onChange={(id) => id && onChange({ id, text: options.find((client) => client.id === id)?.name ?? value.text })}
      options={options.map(optionOf)}
    />
  );
}
