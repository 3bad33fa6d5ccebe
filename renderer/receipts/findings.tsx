import { useEffect, useState } from 'react';
import { checkReceiptFile, type Finding } from '../../shared/receipts/receipt-proof.ts';
import './findings.css';

const TEXT = {
  heading: 'Checked in this browser',
  checks: {
    shape: 'Form',
    'relay signature': 'Signature of the relay',
    'node signature': 'Signature of the node',
    'tree head': 'Signed head of the log',
    'place in the log': 'Place in the log',
  } satisfies Record<Finding['check'], string>,
  sound: 'holds',
  unsound: 'does not hold',
  unknown: 'cannot be told',
  impossible:
    'This page came over plain HTTP from another machine, where browsers have no cryptography. Open it over HTTPS or on the relay’s own machine, or use "sparewatt receipts verify".',
};

/** What a receipt proves, computed here and believed of nobody. */
export function Findings({ content }: { content: unknown }) {
  const [findings, setFindings] = useState<Finding[]>();
  const canCheck = globalThis.crypto?.subtle !== undefined;
  useEffect(() => {
    let isWanted = true;
    if (canCheck) checkReceiptFile(content).then((found) => isWanted && setFindings(found));
    return () => {
      isWanted = false;
    };
  }, [content, canCheck]);
  return (
    <div className="findings" role="status">
      <h3>{TEXT.heading}</h3>
      {!canCheck && (
        <p className="notice" data-kind="warn">
          {TEXT.impossible}
        </p>
      )}
      <ul>
        {findings?.map(({ check, isSound, detail }) => (
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
    </div>
  );
}
