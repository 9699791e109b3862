import { newKey, type Person } from '@answerable/sdk'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useRef, useState, type FormEvent } from 'react'
import { api } from '../api'
import { typedNames } from '../known-as'
import { Popup } from './dialog'
import { FormFoot } from './form-foot'
import { Problems } from './states'

/** Notes by what an agent is a customer, so that they decide on no change of their own. What was
 * noted before is kept as hashes only and cannot be shown: it is replaced as a whole. */
export function KnownAsForm({ person, onClose }: { person: Person; onClose: () => void }) {
  const client = useQueryClient()
  const [typed, setTyped] = useState('')
  const [wrong, setWrong] = useState<string | null>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const key = useRef(newKey())
  const id = useId()
  const noted = person.known_as_customer === true
  const { names } = typedNames(typed)
  const forgets = noted && names.length === 0
  const note = useMutation({
    mutationFn: () => api.noteKnownAs(person.id, names, key.current),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['agents'] })
      onClose()
    },
    onError: () => {
      key.current = newKey()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const found = names.length === 0 && !noted ? 'Enter at least one.' : typedNames(typed).wrong
    setWrong(found)
    if (found) field.current?.focus()
    else note.mutate()
  }
  return (
    <Popup title={`${person.name} as a customer`} onClose={onClose}>
      <form className="form" onSubmit={submit} noValidate>
        <p className="soft">
          {noted
            ? 'Something is noted. It cannot be shown: what you enter takes its place, so enter all of it.'
            : 'Nothing is noted beside the address they sign in with.'}
        </p>
        <div className="field">
          <label htmlFor={id}>Customer ids and private mail addresses</label>
          <textarea
            id={id}
            ref={field}
            rows={4}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={typed}
            aria-invalid={wrong !== null}
            aria-describedby={wrong === null ? `${id}-hint` : `${id}-wrong ${id}-hint`}
            onChange={(event) => {
              setTyped(event.target.value)
              setWrong(null)
            }}
          />
          {wrong !== null && (
            <span id={`${id}-wrong`} className="field-wrong">
              {wrong}
            </span>
          )}
          <span id={`${id}-hint`} className="hint">
            One a line, as the back office has them. {person.name} then decides on no change of these
            customers, and has to sign in again. Only hashes of what you enter are kept.
          </span>
        </div>
        <Problems error={note.error} />
        <FormFoot onCancel={onClose} pending={note.isPending}>
          {forgets ? 'Forget what is noted' : 'Note'}
        </FormFoot>
      </form>
    </Popup>
  )
}
