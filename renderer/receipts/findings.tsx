import { type ReactNode, useEffect, useState } from 'react';
import { checkReceiptFile, type Finding } from '../../shared/receipts/receipt-proof.ts';
import type { Locale } from '../language/locales.ts';
import { FINDING_TEXTS } from './texts.ts';
import './findings.css';

type FindingsProps = { content: unknown; locale: Locale; children?: ReactNode };

/** What a receipt proves, computed here and believed of nobody. `children` follow where nothing of it is wrong. */
export function Findings({ content, locale, children }: FindingsProps) {
  const texts = FINDING_TEXTS[locale];
  const [findings, setFindings] = useState<Finding[] | 'unable'>();
  const canCheck = globalThis.crypto?.subtle !== undefined;
  useEffect(() => {
    let isWanted = true;
    const show = (found: Finding[] | 'unable'): void => {
      if (isWanted) setFindings(found);
    };
    // What cannot be checked must not look like what does not hold.
    if (canCheck) checkReceiptFile(content).then(show, () => show('unable'));
    return () => {
      isWanted = false;
    };
  }, [content, canCheck]);
  return (
    <div className="findings" role="status">
      <h3>{texts.heading}</h3>
      {(!canCheck || findings === 'unable') && (
        <p className="notice" data-kind="warn">
          {canCheck ? texts.unable : texts.impossible}
        </p>
      )}
      <ul>
        {(findings === 'unable' ? [] : findings)?.map(({ check, isSound, detail }) => (
          <li key={check} data-sound={String(isSound)}>
            <span className="finding-mark" aria-hidden="true">
              {isSound === null ? '?' : isSound ? '✓' : '✗'}
            </span>
            <span>
              <strong>
                {texts.checks[check]} {isSound === null ? texts.unknown : isSound ? texts.sound : texts.unsound}
              </strong>
              <span className="finding-detail" lang="en">
                {detail}
              </span>
            </span>
          </li>
        ))}
      </ul>
      {Array.isArray(findings) && findings.every(({ isSound }) => isSound !== false) && children}
    </div>
  );
}
