import type { ModelStanding } from '@answerable/sdk'

const SHOWN = 12 // characters of a hash, as `answerable check` shows them

/** Why the report of a model says nothing sure about the intents as they are now; null: it does. */
export function unfit({ trained_with, in_force }: Pick<ModelStanding, 'trained_with' | 'in_force'>): string | null {
  if (trained_with === in_force) return null
  const now = `those in force are ${in_force.slice(0, SHOWN)}`
  if (trained_with === null) return `The model was trained without a definition’s intents and examples; ${now}.`
  const then = `with the intents and examples ${trained_with.slice(0, SHOWN)}`
  return `The model was trained ${then}; ${now}. Its figures hold for the former: train a model anew and promote it.`
}
