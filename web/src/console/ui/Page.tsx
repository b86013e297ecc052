// What every page begins with: a heading, which is also the title of the window and has the focus after a
// change of the page, so that those who do not see it hear where they are.

import { useEffect, useRef, type ReactNode } from 'react';
import { useTexts } from '../i18n/texts';

interface Props {
  title: string;
  /** A sentence below the heading. */
  text?: ReactNode;
  /** What may be done with the whole, beside the heading. */
  actions?: ReactNode;
  children: ReactNode;
}

/** The first page of a visit takes no focus: browsers read it from its beginning. */
let isFirst = true;

export function Page({ title, text, actions, children }: Props) {
  const texts = useTexts();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = texts.title(title);
  }, [title, texts]);
  useEffect(() => {
    if (!isFirst) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    isFirst = false;
  }, []);
  return (
    <>
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions}
      </div>
      {text !== undefined && <p className="page-text">{text}</p>}
      {children}
    </>
  );
}

/** A part of a page with a heading of its own. */
export function Card({ title, children, tone }: { title?: string; children: ReactNode; tone?: 'danger' }) {
  return (
    <section className={tone ? `card card-${tone}` : 'card'}>
      {title !== undefined && <h2>{title}</h2>}
      {children}
    </section>
  );
}
