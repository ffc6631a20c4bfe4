/** Texts that are kept for messages written by hand: seen, written, changed and removed, by language. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight, useSession } from "../api/session";
import { useBusiness } from "../business";
import { LANGUAGES } from "../i18n";
import { Button } from "../ui/Button";
import { Select } from "../ui/fields";
import { Empty, Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { useWritable } from "./MessageFields";
import type { Audience } from "./send";
import { TextSheet } from "./TextSheet";
import { type KeptText, TEXTS } from "./texts";

type Kept = components["schemas"]["Page_TemplateOut_"];
const ALL = "all";
const AUDIENCES: readonly Audience[] = ["client", "staff"];
type Editing = { kept: KeptText | undefined; channel: string; audience: Audience; locale: string };

export function TextsPage() {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const { businesses, business } = useBusiness();
  const isLimited = useSession().user.business_ids !== null;
  const mayWrite = useRight("write_templates");
  const writable = useWritable() ?? [];
  const [locale, setLocale] = useState(ALL);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [error, setError] = useState<unknown>(null);
  const pages = useInfiniteQuery({
    queryKey: [...TEXTS, "page", locale],
    queryFn: ({ pageParam, signal }) => ask<Kept>("notifications", "/templates", { query: { kind: "ad_hoc", locale: locale === ALL ? undefined : locale, limit: 50, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const texts = (pages.data?.pages.flatMap((page) => page.items) ?? []).filter((item): item is KeptText => item.id !== null);
  const names = new Intl.DisplayNames(i18n.language, { type: "language" });
  const languages = [...new Set([...LANGUAGES, ...texts.map((text) => text.locale)])].map((id) => ({ id, name: names.of(id) ?? id }));
  const remove = async (text: KeptText) => {
    setError(null);
    try {
      await ask("notifications", `/templates/${text.id}`, { method: "DELETE", version: text.version ?? undefined });
    } catch (failure) {
      setError(failure);
    }
    await queries.invalidateQueries({ queryKey: TEXTS });
  };
  const mayChange = (text: KeptText) => mayWrite && (!isLimited || text.business_id !== null);
  const first = writable[0];
  return (
    <Page
      title={t("nav.texts")}
      actions={
        <>
          <span className="fill" />
          {mayWrite && first !== undefined && (
            <Button kind="primary" icon="plus" onPress={() => setEditing({ kept: undefined, channel: first, audience: "client", locale: locale === ALL ? i18n.language : locale })}>
              {t("texts.add")}
            </Button>
          )}
        </>
      }
    >
      <div className="scroll pad">
        <p className="hint">{t("texts.hint")}</p>
        <Select label={t("texts.language")} value={locale} onChange={setLocale} options={[{ id: ALL, name: t("texts.all") }, ...languages]} />
        <Problem error={error} />
        {pages.isPending || (pages.isError && !texts.length) ? (
          <Waiting error={pages.error} />
        ) : !texts.length ? (
          <Empty title={t("texts.none")} />
        ) : (
          <section className="panel">
            {texts.map((text) => (
              <div className="ln" key={text.id}>
                <span>
                  <b><bdi>{text.subject}</bdi></b>
                  <small>{[names.of(text.locale) ?? text.locale, t(`channel.${text.channel}`), t(`texts.${text.audience}`), businesses.find((item) => item.id === text.business_id)?.name].filter(Boolean).join(" · ")}</small>
                  <q dir="auto" lang={text.locale}>{text.text}</q>
                </span>
                {mayChange(text) && (
                  <>
                    <Button kind="quiet" icon="edit" aria-label={t("texts.change", { name: text.subject })} onPress={() => setEditing({ kept: text, channel: text.channel, audience: text.audience, locale: text.locale })} />
                    <Button kind="quiet" icon="trash" aria-label={t("texts.remove", { name: text.subject })} onPress={() => remove(text)} />
                  </>
                )}
              </div>
            ))}
            {pages.hasNextPage && <Button isPending={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>{t("more")}</Button>}
          </section>
        )}
      </div>
      {editing && (
        <TextSheet kept={editing.kept} draft={{ channel: editing.channel, text: "" }} audience={editing.audience} businessId={business?.id} locale={editing.locale} onClose={() => setEditing(null)}>
          {!editing.kept && (
            <div className="three">
              <Select label={t("writing.channel")} value={editing.channel} onChange={(channel) => setEditing({ ...editing, channel })} options={writable.map((id) => ({ id, name: t(`channel.${id}`) }))} />
              <Select label={t("texts.for")} value={editing.audience} onChange={(audience) => setEditing({ ...editing, audience: audience as Audience })} options={AUDIENCES.map((id) => ({ id, name: t(`texts.${id}`) }))} />
              <Select label={t("texts.language")} value={editing.locale} onChange={(chosen) => setEditing({ ...editing, locale: chosen })} options={languages} />
            </div>
          )}
        </TextSheet>
      )}
    </Page>
  );
}
