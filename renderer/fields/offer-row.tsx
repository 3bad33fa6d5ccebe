import { type ReactNode, useEffect, useRef } from 'react';

export type OfferRowProps = {
  /** What the button says, and what it says to those who only hear it. */
  words: { submit: string; submitOf(model: string): string };
  model: string;
  /** Undefined where nothing can be downloaded: there is no button then. */
  onDownload: (() => void) | undefined;
  /** What is offered. */
  children: ReactNode;
};

/** A model that was looked at, to be downloaded or not. It gets the focus, since it comes in answer to a button. */
export function OfferRow({ words, model, onDownload, children }: OfferRowProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), []);
  return (
    <div className="row offer" ref={place} tabIndex={-1} role="status">
      <span className="grow">{children}</span>
      {onDownload !== undefined && (
        <button
          type="button"
          className="button"
          data-kind="primary"
          aria-label={words.submitOf(model)}
          onClick={onDownload}
        >
          {words.submit}
        </button>
      )}
    </div>
  );
}
