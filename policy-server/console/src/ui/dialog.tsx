import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { IconButton } from './button.tsx';

type Props = { readonly title: string; readonly isOpen: boolean; readonly children: ReactNode; readonly isWide?: boolean; readonly isAlert?: boolean; close(): void };

/** Over the page; the focus stays in it and goes back to where it was. */
export function Dialog({ title, isOpen, children, isWide = false, isAlert = false, close }: Props) {
  return (
    <ModalOverlay isOpen={isOpen} onOpenChange={(open) => !open && close()} isDismissable={!isAlert} className="overlay">
      <Modal className={isWide ? 'modal wide' : 'modal'}>
        <AriaDialog role={isAlert ? 'alertdialog' : 'dialog'} className="dialog">
          <header className="dialog-head"><Heading slot="title">{title}</Heading><IconButton label="Close" icon={<X />} onPress={close} /></header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
