import { newKey, type NewPerson, type Person, type Role, type Team } from '@answerable/sdk'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useId, useRef, useState, type FormEvent } from 'react'
import { api } from '../api'
import { useLive } from '../live'
import { teamTitle } from '../parts/badges'
import { Popup } from '../parts/dialog'
import { Icon } from '../parts/icon'
import { KnownAsForm } from '../parts/known-as-form'
import { Empty, Failure, Loading, Problems } from '../parts/states'
import { FormFoot } from '../parts/form-foot'
import { useAgents, useTeams } from '../queries'
import { useSession } from '../session'

export function PeoplePage() {
  const { agent } = useSession()
  const { data, error, isPending, refetch } = useAgents()
  const [adding, setAdding] = useState(false)
  const administrates = agent.role === 'administrator'
  useEffect(() => {
    document.title = 'People · Answerable'
  }, [])
  return (
    <section className="people" aria-labelledby="people-title">
      <div className="people-head">
        <h1 id="people-title">People</h1>
        {administrates && (
          <button type="button" className="button primary" onClick={() => setAdding(true)}>
            <Icon name="plus" /> Add agent
          </button>
        )}
      </div>
      {isPending && <Loading label="Reading people" />}
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {error && data && <Problems error={error} />}
      {data?.length === 0 && <Empty title="Nobody yet" />}
      {data && data.length > 0 && <PeopleTable people={data} administrates={administrates} />}
      {adding && <AddAgent onClose={() => setAdding(false)} />}
    </section>
  )
}

function PeopleTable({ people, administrates }: { people: Person[]; administrates: boolean }) {
  return (
    // Focusable so that the keyboard can scroll a table wider than the page.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Agents">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col">Teams</th>
            <th scope="col">State</th>
            {administrates && (
              <th scope="col">
                <span className="sr">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <Row key={person.id} person={person} administrates={administrates} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ person, administrates }: { person: Person; administrates: boolean }) {
  const { agent } = useSession()
  const { agents } = useLive()
  const client = useQueryClient()
  const teams = useTeams()
  const [noting, setNoting] = useState(false)
  const { suspended } = person
  const change = useMutation({
    mutationFn: () => (suspended ? api.resumeAgent(person.id) : api.suspendAgent(person.id)),
    onSettled: () => client.invalidateQueries({ queryKey: ['agents'] }),
  })
  const present = agents.some((one) => one.id === person.id)
  return (
    <tr>
      <th scope="row">
        <span className="person-name">{person.name}</span>
        <span className="soft person-email">{person.email}</span>
      </th>
      <td data-label="Role">{person.role}</td>
      <td data-label="Teams">{teamsOf(person, teams.data)}</td>
      <td data-label="State">
        {suspended ? (
          <span className="badge bad">suspended</span>
        ) : (
          <span className="fact">
            <span className={present ? 'dot on' : 'dot'} aria-hidden="true" />
            {present ? 'here' : 'away'}
          </span>
        )}
        {person.known_as_customer && (
          <span className="badge" title="It is noted by what else they are a customer">
            also a customer
          </span>
        )}
        <Problems error={change.error} />
      </td>
      {administrates && (
        <td className="row-action">
          {person.id !== agent.id && (
            <div className="row-acts">
              <button
                type="button"
                className="button"
                aria-label={`Customer ids of ${person.name}`}
                onClick={() => setNoting(true)}
              >
                Customer ids
              </button>
              <button
                type="button"
                className="button"
                disabled={change.isPending}
                aria-label={`${suspended ? 'Resume' : 'Suspend'} ${person.name}`}
                onClick={() => change.mutate()}
              >
                {suspended ? 'Resume' : 'Suspend'}
              </button>
            </div>
          )}
          {noting && <KnownAsForm person={person} onClose={() => setNoting(false)} />}
        </td>
      )}
    </tr>
  )
}

function teamsOf(person: Person, known: readonly Team[] | undefined): string {
  const names = person.teams ?? []
  if (known && known.length > 1 && known.every((team) => names.includes(team.name))) return 'All teams'
  return names.map((name) => teamTitle(known, name)).join(', ') || '–'
}

const ROLES: readonly Role[] = ['agent', 'supervisor', 'administrator']
const MINIMUM_PASSWORD = 12

function AddAgent({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const teams = useTeams()
  const [person, setPerson] = useState<NewPerson>({
    name: '',
    email: '',
    role: 'agent',
    teams: [],
    password: '',
  })
  const key = useRef(newKey())
  const id = useId()
  const add = useMutation({
    mutationFn: () => api.addAgent(person, key.current),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['agents'] })
      onClose()
    },
    onError: () => {
      key.current = newKey()
    },
  })
  const set = (change: Partial<NewPerson>) => setPerson((before) => ({ ...before, ...change }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <Popup title="Add an agent" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label className="field">
          <span>Name</span>
          <input required maxLength={100} autoComplete="off" value={person.name} onChange={(event) => set({ name: event.target.value })} />
        </label>
        <label className="field">
          <span>E-mail address</span>
          <input required type="email" autoComplete="off" value={person.email} onChange={(event) => set({ email: event.target.value })} />
        </label>
        <label className="field">
          <span>Role</span>
          <select className="select" value={person.role} onChange={(event) => set({ role: event.target.value as Role })}>
            {ROLES.map((role) => (
              <option key={role} value={role}>
                {role}
              </option>
            ))}
          </select>
        </label>
        {teams.data && teams.data.length > 0 && (
          <fieldset className="choices columns">
            <legend>Teams</legend>
            {teams.data.map((team) => (
              <label key={team.name} className="check">
                <input
                  type="checkbox"
                  checked={person.teams.includes(team.name)}
                  onChange={(event) =>
                    set({
                      teams: event.target.checked
                        ? [...person.teams, team.name]
                        : person.teams.filter((one) => one !== team.name),
                    })
                  }
                />
                {team.title ?? team.name}
              </label>
            ))}
          </fieldset>
        )}
        <div className="field">
          <label htmlFor={id}>First password</label>
          <input
            id={id}
            required
            type="password"
            minLength={MINIMUM_PASSWORD}
            maxLength={256}
            autoComplete="new-password"
            aria-describedby={`${id}-hint`}
            value={person.password}
            onChange={(event) => set({ password: event.target.value })}
          />
          <span id={`${id}-hint`} className="hint">
            At least {MINIMUM_PASSWORD} characters.
          </span>
        </div>
        <Problems error={add.error} />
        <FormFoot onCancel={onClose} pending={add.isPending}>
          Add agent
        </FormFoot>
      </form>
    </Popup>
  )
}
