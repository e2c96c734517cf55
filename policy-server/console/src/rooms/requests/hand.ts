import { type RefObject, useEffect, useState } from 'react';

/**
 * Whether somebody's pointer or focus is in `place`. Read from where the pointer and the focus come to, in the whole page: an element that is
 * replaced under a pointer is never left. `content`: with what it holds, an element that had the focus may have gone too.
 */
export function useHand(place: RefObject<HTMLElement | null>, content: unknown): boolean {
  const [isOver, setOver] = useState(false);
  const [isIn, setIn] = useState(false);
  useEffect(() => {
    const holds = (target: EventTarget | null): boolean => target instanceof Node && place.current?.contains(target) === true;
    const pointed = ({ target, pointerType }: PointerEvent): void => setOver(pointerType === 'mouse' && holds(target));
    const focused = ({ target }: FocusEvent): void => setIn(holds(target));
    // Out of the window, or to nothing.
    const pointedAway = ({ relatedTarget }: PointerEvent): void => {
      if (relatedTarget === null) setOver(false);
    };
    const focusedAway = ({ relatedTarget }: FocusEvent): void => {
      if (relatedTarget === null) setIn(false);
    };
    document.addEventListener('pointerover', pointed);
    document.addEventListener('pointerout', pointedAway);
    document.addEventListener('focusin', focused);
    document.addEventListener('focusout', focusedAway);
    return () => {
      document.removeEventListener('pointerover', pointed);
      document.removeEventListener('pointerout', pointedAway);
      document.removeEventListener('focusin', focused);
      document.removeEventListener('focusout', focusedAway);
    };
  }, [place]);
  useEffect(() => setIn(place.current?.contains(document.activeElement) === true), [place, content]);
  return isOver || isIn;
}
