import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";

type Props = {
  title: string;
  onClose: () => void;
  wide?: boolean;
  /** A press beside it leaves it open: it tells what is told once, or is about to. */
  stays?: boolean;
  children: React.ReactNode;
  footer?: React.ReactNode;
};

/** What has to be answered before going on: centred on a desk, from below on the phone. Esc closes it. */
export function Sheet({ title, onClose, wide, stays, children, footer }: Props) {
  const { t } = useTranslation();
  return (
    <ModalOverlay isOpen isDismissable={!stays} onOpenChange={(open) => !open && onClose()} className="overlay">
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
