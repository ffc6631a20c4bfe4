import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";

/** What has to be answered before going on: centred on a desk, from below on the phone. Esc closes it. */
export function Sheet({ title, onClose, wide, children, footer }: { title: string; onClose: () => void; wide?: boolean; children: React.ReactNode; footer?: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <ModalOverlay isOpen isDismissable onOpenChange={(open) => !open && onClose()} className="overlay">
      <Modal className={wide ? "sheet wide" : "sheet"}>
        <Dialog className="dialog">
          <header className="sheet-head">
            <Heading slot="title">{title}</Heading>
            <Button kind="quiet" icon="x" aria-label={t("close")} onPress={onClose} />
          </header>
          <div className="sheet-body">{children}</div>
          {footer && <footer className="sheet-foot">{footer}</footer>}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
