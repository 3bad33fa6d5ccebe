import { type ReactNode, useEffect, useState } from 'react';
import { checkReceiptFile, type Finding } from '../../shared/receipts/receipt-proof.ts';
import './findings.css';

const TEXT = {
  heading: 'Checked in this browser',
  checks: {
    shape: 'Form',
    'relay signature': 'Signature of the relay',
    'node signature': 'Signature of the node',
    attestation: 'Attestation of the coordinator',
    'tree head': 'Signed head of the log',
    'place in the log': 'Place in the log',
  } satisfies Record<Finding['check'], string>,
  sound: 'holds',
  unsound: 'does not hold',
  unknown: 'cannot be told',
  unable: 'This browser knows no Ed25519 signatures. Use a newer one, or "sparewatt receipts verify".',
  impossible:
    'This page came over plain HTTP from another machine, where browsers have no cryptography. Open it over HTTPS or on the relay’s own machine, or use "sparewatt receipts verify".',
};

/** What a receipt proves, computed here and believed of nobody. `children` follow where nothing of it is wrong. */
export function Findings({ content, children }: { content: unknown; children?: ReactNode }) {
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
      <h3>{TEXT.heading}</h3>
      {(!canCheck || findings === 'unable') && (
        <p className="notice" data-kind="warn">
          {canCheck ? TEXT.unable : TEXT.impossible}
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
                {TEXT.checks[check]} {isSound === null ? TEXT.unknown : isSound ? TEXT.sound : TEXT.unsound}
              </strong>
              <span className="finding-detail">{detail}</span>
            </span>
          </li>
        ))}
      </ul>
      {Array.isArray(findings) && findings.every(({ isSound }) => isSound !== false) && children}
    </div>
  );
}
