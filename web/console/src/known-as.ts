/** By what an agent is a customer, as the API takes it. */

export const MOST_NAMES = 20
const LONGEST = 320
const NAME = /^[!-~]+$/

/** Names as they are typed, one a line or between blanks and commas. wrong: what to do, or null. */
export function typedNames(text: string): { names: string[]; wrong: string | null } {
  const names = [...new Set(text.split(/[\s,;]+/).filter((one) => one !== ''))]
  const strange = names.find((one) => !NAME.test(one) || one.length > LONGEST)
  if (strange !== undefined) {
    const shown = strange.length > 40 ? `${strange.slice(0, 40)}…` : strange
    return { names, wrong: `“${shown}” is no customer id and no mail address that can be looked up.` }
  }
  if (names.length > MOST_NAMES) {
    return { names, wrong: `These are ${names.length}; at most ${MOST_NAMES} can be noted.` }
  }
  return { names, wrong: null }
}
