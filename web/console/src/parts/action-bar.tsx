import type { Conversation } from '@answerable/sdk'
import { useEffect, useId, useState, type FormEvent } from 'react'
import { useAct } from '../acts'
import { api } from '../api'
import { useKeys } from '../keys'
import { useLive } from '../live'
import { useTeams } from '../queries'
import { useSession } from '../session'
import { Popup } from './dialog'
import { Failure, Loading, Problems } from './states'
import { FormFoot } from './form-foot'

/** What an agent may do with a conversation; the service decides, this only offers. */
export function ActionBar({ conversation }: { conversation: Conversation }) {
  const { agent } = useSession()
  const [dialog, setDialog] = useState<'take-over' | 'hand-off' | 'close' | null>(null)
  const { id, owner, status } = conversation
  const mine = owner.kind === 'agent' && owner.id === agent.id
  const others = owner.kind === 'agent' && !mine
  const open = status === 'open'
  const act = useAct(id)
  const { connection } = useLive()
  const { reset } = act
  // What failed while the service was away is no news once it is back.
  useEffect(() => {
    if (connection === 'online') reset()
  }, [connection, reset])
  // From a colleague only with a reason to look twice, and only by those who may.
  const mayTake = open && !mine && (!others || agent.role !== 'agent')
  const takeOver = () => {
    if (others) setDialog('take-over')
    else act.mutate(() => api.takeOver(id))
  }
  useKeys({
    t: () => {
      if (mayTake && !act.isPending) takeOver()
    },
  })
  return (
    <div className="actions" role="group" aria-label="Actions">
      {mayTake && (
        <button type="button" className="button primary" disabled={act.isPending} onClick={takeOver}>
          {others ? 'Take over …' : 'Take over'}
        </button>
      )}
      {open && mine && (
        <button
          type="button"
          className="button"
          disabled={act.isPending}
          onClick={() => act.mutate(() => api.release(id))}
        >
          Release
        </button>
      )}
      {open && !others && (
        <button type="button" className="button" onClick={() => setDialog('hand-off')}>
          Hand off …
        </button>
      )}
      {open && mine && (
        <button type="button" className="button" onClick={() => setDialog('close')}>
          Close …
        </button>
      )}
      {!open && (
        <button
          type="button"
          className="button primary"
          disabled={act.isPending}
          onClick={() => act.mutate(() => api.reopen(id))}
        >
          Reopen
        </button>
      )}
      <Problems error={act.error} />
      {open && others && !mayTake && (
        <p className="soft">{owner.name ?? 'A colleague'} is answering this conversation.</p>
      )}
      {dialog === 'take-over' && (
        <TakeFromColleague id={id} name={owner.name ?? 'a colleague'} onClose={() => setDialog(null)} />
      )}
      {dialog === 'hand-off' && <HandOff id={id} onClose={() => setDialog(null)} />}
      {dialog === 'close' && <Close id={id} onClose={() => setDialog(null)} />}
    </div>
  )
}

function TakeFromColleague({ id, name, onClose }: { id: string; name: string; onClose: () => void }) {
  const act = useAct(id, onClose)
  return (
    <Popup title={`Take over from ${name}?`} onClose={onClose}>
      <div className="form">
        <p>{name} can no longer reply here then, and keeps what they were writing as a draft.</p>
        <Problems error={act.error} />
        <div className="form-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            className="button primary"
            disabled={act.isPending}
            onClick={() => act.mutate(() => api.takeOver(id, true))}
          >
            Take over
          </button>
        </div>
      </div>
    </Popup>
  )
}

function HandOff({ id, onClose }: { id: string; onClose: () => void }) {
  const teams = useTeams()
  const act = useAct(id, onClose)
  const [team, setTeam] = useState('')
  const [note, setNote] = useState('')
  const teamId = useId()
  const noteId = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    act.mutate(() => api.handOff(id, team, note.trim()))
  }
  return (
    <Popup title="Hand off to a team" onClose={onClose}>
      {teams.isPending && <Loading label="Reading teams" />}
      {teams.error && <Failure error={teams.error} onRetry={() => void teams.refetch()} />}
      {teams.data && (
        <form className="form" onSubmit={submit}>
          <div className="field">
            <label htmlFor={teamId}>Team</label>
            <select
              id={teamId}
              className="select"
              required
              value={team}
              onChange={(event) => setTeam(event.target.value)}
            >
              <option value="">Choose a team</option>
              {teams.data.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.title ?? one.name}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor={noteId}>Note for the team</label>
            <textarea
              id={noteId}
              rows={4}
              maxLength={2000}
              value={note}
              aria-describedby={`${noteId}-hint`}
              onChange={(event) => setNote(event.target.value)}
            />
            <span id={`${noteId}-hint`} className="hint">
              What the next person should know. The contact does not see it.
            </span>
          </div>
          <Problems error={act.error} />
          <FormFoot onCancel={onClose} pending={act.isPending}>
            Hand off
          </FormFoot>
        </form>
      )}
    </Popup>
  )
}

const RESOLUTIONS = [
  ['resolved', 'Resolved'],
  ['no_answer_needed', 'No answer needed'],
  ['duplicate', 'Duplicate of another conversation'],
  ['spam', 'Spam'],
] as const

function Close({ id, onClose }: { id: string; onClose: () => void }) {
  const act = useAct(id, onClose)
  const [resolution, setResolution] = useState<string>('resolved')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    act.mutate(() => api.close(id, resolution))
  }
  return (
    <Popup title="Close the conversation" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <fieldset className="choices">
          <legend>How did it end?</legend>
          {RESOLUTIONS.map(([value, label]) => (
            <label key={value} className="check">
              <input
                type="radio"
                name="resolution"
                value={value}
                checked={resolution === value}
                onChange={() => setResolution(value)}
              />
              {label}
            </label>
          ))}
        </fieldset>
        <Problems error={act.error} />
        <FormFoot onCancel={onClose} pending={act.isPending}>
          Close conversation
        </FormFoot>
      </form>
    </Popup>
  )
}
