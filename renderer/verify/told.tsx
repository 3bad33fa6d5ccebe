import { useEffect, useId, useState } from 'react';
import { isAnswerOf } from '../../shared/receipts/answer-check.ts';
import { dateText } from '../../shared/receipts/date-text.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { receiptIn } from '../../shared/receipts/receipt-proof.ts';
import type { Texts } from './texts.ts';

type ToldTexts = Texts['told'];

/** What a receipt tells, and whether it is the one of an answer that somebody has. */
export function Told({ content, texts }: { content: unknown; texts: ToldTexts }) {
  const receipt = receiptIn(content);
  if (receipt === undefined) return null;
  return (
    <>
      <h3>{texts.title}</h3>
      <dl className="told">
        {factsOf(receipt, texts).map(([name, value]) => (
          <div key={name}>
            <dt>{texts.facts[name]}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Answer receipt={receipt} texts={texts} />
    </>
  );
}

function factsOf(
  { job, node, service, model, usage, issuedAt, keys }: Receipt,
  texts: ToldTexts,
): [keyof ToldTexts['facts'], string][] {
  const { inputTokens, outputTokens } = usage.reported;
  return [
    ['job', job],
    ['node', node],
    ['service', service],
    ['model', model],
    ['tokens', texts.tokensOf(inputTokens, outputTokens)],
    ['issued', dateText(issuedAt)],
    ['relay', keys.relay],
  ];
}

function Answer({ receipt, texts }: { receipt: Receipt; texts: ToldTexts }) {
  const id = useId();
  const [text, setText] = useState('');
  const [found, setFound] = useState<{ text: string; isIt: boolean }>();
  useEffect(() => {
    let isWanted = true;
    void isAnswerOf(receipt, text).then((isIt) => isWanted && setFound({ text, isIt }));
    return () => {
      isWanted = false;
    };
  }, [receipt, text]);
  return (
    <div className="field">
      <label htmlFor={id}>{texts.answer}</label>
      <textarea
        id={id}
        className="input"
        spellCheck={false}
        value={text}
        onChange={({ target }) => setText(target.value)}
        aria-describedby={`${id}-hint`}
      />
      <p className="hint" id={`${id}-hint`}>
        {texts.answerHint}
      </p>
      {text !== '' && found?.text === text && (
        <p className="notice" data-kind={found.isIt ? 'good' : 'danger'}>
          {found.isIt ? texts.same : texts.other}
        </p>
      )}
    </div>
  );
}
