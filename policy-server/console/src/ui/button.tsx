import type { ReactNode, Ref } from 'react';
import { Button as AriaButton, type ButtonProps } from 'react-aria-components';
import { Link } from 'wouter';

export type Tone = 'plain' | 'primary' | 'good' | 'danger' | 'quiet';
type Props = Omit<ButtonProps, 'className' | 'style' | 'children'> & { readonly tone?: Tone; readonly icon?: ReactNode; readonly children?: ReactNode; readonly isSmall?: boolean; readonly isNarrowOnly?: boolean; readonly ref?: Ref<HTMLButtonElement> };

/** While it is pending it keeps the focus, and neither acts nor submits once more. */
export function Button({ tone = 'plain', icon, children, isSmall = false, isNarrowOnly = false, isPending = false, ...rest }: Props) {
  return (
    <AriaButton {...rest} {...(isPending ? { type: 'button' as const, onPress: () => undefined } : {})} className={`button ${tone}${isSmall ? ' small' : ''}${isNarrowOnly ? ' narrow-only' : ''}`}>
      {icon !== undefined && <span className="icon" aria-hidden="true">{icon}</span>}
      {children !== undefined && <span className="button-text">{children}</span>}
      {isPending && <span className="spinner" role="status" aria-label="working" />}
    </AriaButton>
  );
}

type IconProps = Omit<Props, 'children' | 'icon' | 'aria-label'> & { readonly label: string; readonly icon: ReactNode };

/** Only an icon to see; the label is its name. */
export function IconButton({ label, icon, tone = 'quiet', ...rest }: IconProps) {
  return <AriaButton {...rest} aria-label={label} className={`button icon-only ${tone}`}><span className="icon" aria-hidden="true">{icon}</span></AriaButton>;
}

type LinkButtonProps = { readonly href: string; readonly icon?: ReactNode; readonly tone?: Tone; readonly children: ReactNode };

export function LinkButton({ href, icon, children, tone = 'plain' }: LinkButtonProps) {
  return <Link href={href} className={`button ${tone}`}>{icon !== undefined && <span className="icon" aria-hidden="true">{icon}</span>}<span className="button-text">{children}</span></Link>;
}
