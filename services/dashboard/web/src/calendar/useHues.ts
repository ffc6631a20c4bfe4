/** The colours that services have, where colours tell services. */
import { useMemo } from "react";
import { type Service, useServices } from "../api/catalogue";

const HUES = 12;

/** By the order in which they were made: a new service takes no colour away from another. */
export function huesOf(services: readonly Service[]): { service: Service; hue: number }[] {
  const known = [...services].sort((a, b) => (a.created_at === b.created_at ? (a.id < b.id ? -1 : 1) : a.created_at < b.created_at ? -1 : 1));
  return known.map((service, index) => ({ service, hue: index % HUES }));
}

export function useHues(businessId: string | undefined, wanted: boolean) {
  const { data } = useServices(wanted);
  return useMemo(() => {
    if (!wanted || !data) return { hues: null, services: [] };
    const coloured = huesOf(data.filter((service) => service.business_id === businessId));
    return { hues: new Map(coloured.map(({ service, hue }) => [service.id, hue])), services: coloured.filter(({ service }) => !service.archived) };
  }, [data, businessId, wanted]);
}
