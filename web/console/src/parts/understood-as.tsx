import type { Conversation, IntentScore, Understood } from '@answerable/sdk'
import { useId, useState, type FormEvent } from 'react'
import { useAct } from '../acts'
import { api } from '../api'
import { useIntents } from '../queries'
import { intentTitle, percent } from './badges'
import { Popup } from './dialog'
import { FormFoot } from './form-foot'
import { Failure, Loading, Problems } from './states'

/** What the models make of the latest message, why, and whether a person agrees. */
export function UnderstoodAs({ conversation }: { conversation: Conversation }) {
  const { briefing, intent, understood } = conversation
  const scores: IntentScore[] = briefing?.intents?.length ? briefing.intents : intent ? [intent] : []
  return (
    <section>
      <h2>Understood as</h2>
      {scores.length === 0 && <p className="soft">Nothing with any confidence.</p>}
      <ul className="scores">
        {scores.map((score) => (
          <li key={score.name} className={score.applies === false ? 'faint' : ''}>
            <span className="score-name">{intentTitle(score)}</span>
            <span className="score-value">{percent(score.confidence)}</span>
            <span className="bar" aria-hidden="true">
              <span style={{ inlineSize: `${Math.max(1, Math.min(100, score.confidence * 100))}%` }} />
            </span>
          </li>
        ))}
      </ul>
      {understood && understood.near.length > 0 && <NearExamples understood={understood} />}
      {understood && <Label id={conversation.id} understood={understood} scores={scores} />}
    </section>
  )
}

function NearExamples({ understood }: { understood: Understood }) {
  const heading = useId()
  return (
    <>
      <h3 id={heading}>Like these examples</h3>
      <ul className="near" aria-labelledby={heading}>
        {understood.near.map((example, index) => (
          <li key={index}>
            <q dir="auto">{example.text}</q>
            <span className="soft">
              {example.intent === null ? 'none of the intents' : (example.title ?? example.intent)},{' '}
              {percent(Math.max(0, example.likeness))} alike
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}

/** No intent can be called so: names have no blanks. */
const NONE = 'none of these'

/** An agent's word on what the message asks for, which models learn from. */
function Label(props: { id: string; understood: Understood; scores: IntentScore[] }) {
  const { id, understood, scores } = props
  const [choosing, setChoosing] = useState(false)
  const act = useAct(id)
  const intents = useIntents()
  const { label, message } = understood
  const said = scores.filter((score) => score.applies !== false)
  const titles = (names: string[]) =>
    names.map((name) => intents.data?.find((one) => one.name === name)?.title ?? name).join(', ')
  return (
    <div className="label-line">
      {label ? (
        <p className="soft">
          {label.by} says: {label.intents.length > 0 ? titles(label.intents) : 'none of the intents'}.
        </p>
      ) : (
        said.length > 0 && (
          <button
            type="button"
            className="link"
            disabled={act.isPending}
            onClick={() => act.mutate(() => api.label(id, message, said.map((score) => score.name)))}
          >
            That is right
          </button>
        )
      )}
      <button type="button" className="link" onClick={() => setChoosing(true)}>
        {label ? 'Change …' : 'It is something else …'}
      </button>
      <Problems error={act.error} />
      {choosing && <Choose id={id} message={message} onClose={() => setChoosing(false)} />}
    </div>
  )
}

function Choose({ id, message, onClose }: { id: string; message: number; onClose: () => void }) {
  const intents = useIntents()
  const act = useAct(id, onClose)
  const [chosen, setChosen] = useState('')
  const field = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    act.mutate(() => api.label(id, message, chosen === NONE ? [] : [chosen]))
  }
  return (
    <Popup title="What does the message ask for?" onClose={onClose}>
      {intents.isPending && <Loading label="Reading intents" />}
      {intents.error && <Failure error={intents.error} onRetry={() => void intents.refetch()} />}
      {intents.data && (
        <form className="form" onSubmit={submit}>
          <div className="field">
            <label htmlFor={field}>Intent</label>
            <select
              id={field}
              className="select"
              required
              value={chosen}
              aria-describedby={`${field}-hint`}
              onChange={(event) => setChosen(event.target.value)}
            >
              <option value="">Choose</option>
              <option value={NONE}>None of these</option>
              {[...intents.data]
                .sort((one, two) => intentTitle(one).localeCompare(intentTitle(two)))
                .map((intent) => (
                  <option key={intent.name} value={intent.name}>
                    {intentTitle(intent)}
                  </option>
                ))}
            </select>
            <span id={`${field}-hint`} className="hint">
              Nothing changes for the contact: models learn from it later.
            </span>
          </div>
          <Problems error={act.error} />
          <FormFoot onCancel={onClose} pending={act.isPending}>
            Save
          </FormFoot>
        </form>
      )}
    </Popup>
  )
}
