/** Whose columns somebody last chose in a business: the browser opens its day with them again. */
const keyOf = (businessId: string): string => `slotstream-staff.${businessId}`;

export function readStaff(kept: string | null): string[] | undefined {
  try {
    const read: unknown = JSON.parse(kept ?? "");
    return Array.isArray(read) && read.length > 0 && read.every((id) => typeof id === "string") ? read : undefined;
  } catch {
    return undefined;
  }
}

export const rememberedStaff = (businessId: string | undefined): string[] | undefined => (businessId ? readStaff(localStorage.getItem(keyOf(businessId))) : undefined);

export function rememberStaff(businessId: string, staff: readonly string[] | undefined): void {
  if (staff) localStorage.setItem(keyOf(businessId), JSON.stringify(staff));
  else localStorage.removeItem(keyOf(businessId));
}
