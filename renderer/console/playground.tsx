import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { ModelList } from '../../shared/api/models.ts';
import { sentenceOf } from './api.ts';
import { useAsked, useSettled } from './asked.ts';
import { type ChatAnswer, type ChatOrder, streamChat } from './chat-stream.ts';
import { ChoiceField, TextField } from './fields.tsx';
import { Card, Empty, Fact, Facts, Field, Pending, Trouble } from './parts.tsx';
import { linkTo } from './route.ts';
import { shownCount, shownDuration } from './shown.ts';
import { Snippets } from './snippets-card.tsx';
import { STRINGS } from './strings.ts';
import { useApi, useLive } from './surroundings.ts';

const TEXT = STRINGS.playground;
/** What arrives faster than that came in one piece, and says nothing of how fast it was written. */
const LEAST_WRITING_MS = 50;
/** In a busy pool each second brings other nodes, and few of them other models. */
const MODELS_AFTER_MS = 1_000;

/** Asks a model and shows how to ask it from a program. */
export function Playground() {
  const api = useApi();
  const { answer, problem, again } = useAsked('models', () => api.get<ModelList>('/v1/models'));
  useSettled(useLive().nodes, again, MODELS_AFTER_MS);
  const wasServed = useRef(false);
  if (answer === undefined) return <Pending problem={problem} />;
  const models = answer.data.filter(({ capabilities }) => capabilities.includes('llm')).map(({ id }) => id);
  // What is written or answered stays when nodes are gone for a while.
  wasServed.current ||= models.length > 0;
  if (!wasServed.current) {
    return (
      <div className="card">
        <Empty title={TEXT.none}>
          {TEXT.noneHint} <a href={linkTo('pairing')}>{TEXT.pairOne}</a>
        </Empty>
      </div>
    );
  }
  return <Asking models={models} />;
}

function Asking({ models }: { models: readonly string[] }) {
  const [order, setOrder] = useState<ChatOrder>({
    model: models[0] ?? '',
    messages: [{ role: 'user', content: TEXT.example }],
  });
  const [key, setKey] = useState('');
  const [answer, setAnswer] = useState<ChatAnswer>();
  const [problem, setProblem] = useState<string | null>(null);
  const running = useRef<AbortController>(undefined);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => () => running.current?.abort(), []);
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    setProblem(null);
    setAnswer(undefined);
    streamChat(order, key.trim() === '' ? null : key.trim(), controller.signal, setAnswer)
      .catch((error: unknown) => controller.signal.aborted || setProblem(sentenceOf(error)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Card title={TEXT.ask}>
        <form className="form" onSubmit={ask}>
          <OrderFields order={order} models={models} onOrder={setOrder} apiKey={key} onKey={setKey} />
          <div className="actions">
            <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
              {TEXT.send}
            </button>
            {isBusy && (
              <button type="button" className="button" onClick={() => running.current?.abort()}>
                {TEXT.stop}
              </button>
            )}
          </div>
        </form>
        <Trouble problem={problem} />
        {(isBusy || answer !== undefined) && <Answer answer={answer} isBusy={isBusy} />}
      </Card>
      <Snippets order={order} />
    </>
  );
}

type OrderFieldsProps = {
  order: ChatOrder;
  models: readonly string[];
  onOrder(order: ChatOrder): void;
  apiKey: string;
  onKey(key: string): void;
};

function OrderFields({ order, models, onOrder, apiKey, onKey }: OrderFieldsProps) {
  return (
    <>
      <Field label={TEXT.prompt}>
        {(id) => (
          <textarea
            id={id}
            className="input"
            rows={4}
            required
            value={order.messages[0]?.content ?? ''}
            onChange={({ target }) => onOrder({ ...order, messages: [{ role: 'user', content: target.value }] })}
          />
        )}
      </Field>
      <div className="fields">
        <ChoiceField
          label={TEXT.model}
          value={order.model}
          options={models.includes(order.model) ? models : [order.model, ...models]}
          nameOf={(name) => (models.includes(name) ? name : TEXT.notServed(name))}
          onChoose={(model) => onOrder({ ...order, model })}
        />
        <TextField
          type="number"
          min={1}
          label={TEXT.most}
          hint={TEXT.noLimit}
          value={String(order.max_completion_tokens ?? '')}
          onChange={(text) => {
            const { max_completion_tokens: _before, ...rest } = order;
            onOrder(text === '' ? rest : { ...rest, max_completion_tokens: Number(text) });
          }}
        />
        <TextField
          type="password"
          autoComplete="off"
          isCode
          label={TEXT.key}
          hint={TEXT.keyHint}
          value={apiKey}
          onChange={onKey}
        />
      </div>
    </>
  );
}

function Answer({ answer, isBusy }: { answer: ChatAnswer | undefined; isBusy: boolean }) {
  const {
    text = '',
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
    <div className="answer">
      <h3>{TEXT.answer}</h3>
      <p className="answer-text" aria-live="polite" aria-busy={isBusy}>
        {text}
      </p>
      <Facts>
        <Fact name={TEXT.node}>{node === null ? '—' : <a href={linkTo('nodes', node)}>{node}</a>}</Fact>
        <Fact name={TEXT.firstToken}>{shownDuration(firstTokenMs)}</Fact>
        <Fact name={TEXT.speed}>{perSecond === null ? '—' : TEXT.perSecond(shownCount(perSecond))}</Fact>
        {receipt !== null && totalMs !== null && (
          <Fact name={TEXT.receipt}>
            <a href={linkTo('receipts', receipt)}>{receipt}</a>
          </Fact>
        )}
      </Facts>
    </div>
  );
}
