import { useState } from 'react';
import { Fact, Facts } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { KeyField, LinesField, ModelField, NumberField } from './ask-fields.tsx';
import { AnswerFrame, AskPanel } from './ask-panel.tsx';
import { type PanelProps, useAsking } from './asking.ts';
import { type ChatAnswer, type ChatOrder, streamChat } from './chat-stream.ts';

/** What arrives faster than that came in one piece, and says nothing of how fast it was written. */
const LEAST_WRITING_MS = 50;

/** A language model that writes its answer while one reads. */
export function ChatPanel({ models, apiKey, onKey }: PanelProps) {
  const words = useSpeech().texts.playground;
  const [order, setOrder] = useState<ChatOrder>({
    model: models[0] ?? '',
    messages: [{ role: 'user', content: words.example }],
  });
  const asking = useAsking<ChatAnswer>((signal, show) => streamChat(order, apiKey, signal, show));
  const { answer, isBusy } = asking;
  return (
    <AskPanel
      title={words.ask}
      asking={asking}
      call={{ path: '/v1/chat/completions', body: { ...order, stream: true } }}
      fields={<OrderFields order={order} models={models} onOrder={setOrder} apiKey={apiKey} onKey={onKey} />}
    >
      {(isBusy || answer !== undefined) && <Answer answer={answer} isBusy={isBusy} />}
    </AskPanel>
  );
}

type OrderFieldsProps = PanelProps & { order: ChatOrder; onOrder(order: ChatOrder): void };

function OrderFields({ order, models, onOrder, apiKey, onKey }: OrderFieldsProps) {
  const words = useSpeech().texts.playground;
  return (
    <>
      <LinesField
        label={words.prompt}
        value={order.messages[0]?.content ?? ''}
        onChange={(content) => onOrder({ ...order, messages: [{ role: 'user', content }] })}
      />
      <div className="fields">
        <ModelField models={models} value={order.model} onChoose={(model) => onOrder({ ...order, model })} />
        <NumberField
          min={1}
          label={words.most}
          hint={words.noLimit}
          value={order.max_completion_tokens}
          onChange={(most) => {
            const { max_completion_tokens: _before, ...rest } = order;
            onOrder(most === undefined ? rest : { ...rest, max_completion_tokens: most });
          }}
        />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
}

function Answer({ answer, isBusy }: { answer: ChatAnswer | undefined; isBusy: boolean }) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  const {
    text = '',
    reasoning = '',
    firstTokenMs = null,
    totalMs = null,
    outputTokens = null,
    node = null,
    receipt = null,
  } = answer ?? {};
  const writingMs = totalMs === null || firstTokenMs === null ? 0 : totalMs - firstTokenMs;
  const perSecond =
    outputTokens === null || outputTokens < 2 || writingMs < LEAST_WRITING_MS
      ? null
      : (outputTokens - 1) / (writingMs / 1_000);
  return (
    <AnswerFrame>
      {reasoning !== '' && (
        <details className="thoughts" open={text === ''}>
          <summary>{words.thoughts}</summary>
          <p className="answer-text">{reasoning}</p>
        </details>
      )}
      <p className="answer-text" aria-live="polite" aria-busy={isBusy}>
        {text}
      </p>
      <Facts>
        <Fact name={words.node}>{node === null ? '—' : <a href={linkTo('nodes', node)}>{node}</a>}</Fact>
        <Fact name={words.firstToken}>{show.duration(firstTokenMs)}</Fact>
        <Fact name={words.speed}>{perSecond === null ? '—' : words.perSecond(show.count(perSecond))}</Fact>
        {receipt !== null && totalMs !== null && (
          <Fact name={words.receipt}>
            <a href={linkTo('receipts', receipt)}>{receipt}</a>
          </Fact>
        )}
      </Facts>
    </AnswerFrame>
  );
}
