import type { ModelStanding, PartStanding } from '@answerable/sdk'
import { useEffect, useId } from 'react'
import { intentTitle, percent } from '../parts/badges'
import { unfit } from '../parts/unfit'
import { Empty, Failure, Loading, Problems } from '../parts/states'
import { useModel } from '../queries'

/** What the live model may answer by itself, and what the other intents lack. */
export function ModelPage() {
  const { data, error, isPending, refetch } = useModel()
  useEffect(() => {
    document.title = 'Model · Answerable'
  }, [])
  return (
    <section className="people" aria-labelledby="model-title">
      <div className="people-head">
        <h1 id="model-title">Model</h1>
      </div>
      {isPending && <Loading label="Reading what training showed" />}
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {error && data && <Problems error={error} />}
      {data === null && (
        <Empty title="Nothing to show yet">The model is being trained, or was trained without labelled messages.</Empty>
      )}
      {data && <Standing standing={data} />}
    </section>
  )
}

function Standing({ standing }: { standing: ModelStanding }) {
  const { asked, coverage, intents, languages, messages, model } = standing
  const automatic = intents.filter((intent) => intent.automatic).length
  const doubt = unfit(standing)
  return (
    <>
      {doubt && (
        <p className="model-words" role="note">
          <strong>This report does not fit the definition in force.</strong> {doubt}
        </p>
      )}
      <p className="model-words">
        At most {percent(1 - asked)} of automatic answers may be wrong. Within that, {automatic} of{' '}
        {intents.length} intents are automatic: {percent(coverage)} of {messages.toLocaleString('en')} labelled
        messages, {right(standing)} Each message was judged as if it had not been learnt. <code>{model}</code>
      </p>
      {languages.length > 1 && (
        <Parts
          of="Language"
          words="A message in the language that most are in is answered by its intent. In another one, messages of that language alone must show it."
          parts={languages}
        />
      )}
      <Parts of="Intent" parts={intents} />
    </>
  )
}

function Parts({ of, words, parts }: { of: 'Intent' | 'Language'; words?: string; parts: PartStanding[] }) {
  const title = useId()
  return (
    <div className="model-part">
      <h2 id={title}>{of}s</h2>
      {words && <p className="model-words">{words}</p>}
      {/* Focusable so that the keyboard can scroll a table wider than the page. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-labelledby={title}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{of}</th>
              <th scope="col" className="number">
                Labelled
              </th>
              <th scope="col" className="number">
                Answered
              </th>
              <th scope="col" className="number">
                Of these right
              </th>
              <th scope="col">More labels wanted</th>
            </tr>
          </thead>
          <tbody>
            {[...parts]
              .sort((one, two) => intentTitle(one).localeCompare(intentTitle(two)))
              .map((part) => (
                <tr key={part.name}>
                  <th scope="row">{intentTitle(part)}</th>
                  <td className="number" data-label="Labelled">
                    {part.labelled.toLocaleString('en')}
                  </td>
                  <td className="number" data-label="Answered">
                    {part.coverage === null ? '–' : percent(part.coverage)}
                  </td>
                  <td className="number" data-label="Of these right">
                    {part.automatic ? within(part) : '–'}
                  </td>
                  <td data-label="More labels wanted">{wanted(part)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}

function right(standing: ModelStanding): string {
  return standing.precision === null ? 'none so far.' : `${within(standing)} of them rightly.`
}

function within(share: { precision: number | null; low: number; high: number }): string {
  if (share.precision === null) return '–'
  return `${exact(share.precision)} (${exact(share.low)} to ${exact(share.high)})`
}

/** Where all is near 100 %, the digit behind the point is the news. */
function exact(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`
}

function wanted(part: PartStanding): string {
  if (part.automatic) return 'none, it is automatic'
  if (part.wanted === null) return 'its errors must fall first'
  // The estimate has no more than two digits of truth.
  return `about ${Number(part.wanted.toPrecision(2)).toLocaleString('en')}`
}
