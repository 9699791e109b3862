/** What changes and their fields are called. Maps, because a plain object also answers to names such as "constructor". */
const TITLES = new Map(
  Object.entries({
    address: 'Change of address',
    phone: 'Change of telephone number',
    email: 'Change of e-mail address',
    'payout-account': 'Account for payouts',
    name: 'Change of name',
    'marketing-consent': 'Consent to advertising',
    'card-block': 'Block of a card',
    'card-replacement': 'Replacement of a card',
    'card-limit': 'Limit of a card',
    dispute: 'Dispute of a booking',
    statement: 'Account statement',
  }),
)
const FIELDS = new Map(
  Object.entries({
    street: 'Street and number',
    postal_code: 'Postal code',
    city: 'Town',
    country: 'Country',
    phone: 'Telephone number',
    email: 'E-mail address',
    iban: 'IBAN',
    name: 'Name',
    marketing: 'Wants offers',
    card: 'Card ending in',
    reason: 'Reason',
    limit: 'Limit a day, EUR',
    merchant: 'Shop or company',
    amount: 'Amount, EUR',
    booked_on: 'Day of the booking',
    problem: 'What is wrong',
    first_day: 'From',
    last_day: 'Until',
    document: 'Document',
  }),
)

export function changeTitle(kind: string): string {
  return TITLES.get(kind) ?? `Change of ${kind}`
}

export function fieldTitle(field: string): string {
  return FIELDS.get(field) ?? field
}

const CHOICES = new Map(
  Object.entries({
    'marketing yes': 'Yes',
    'marketing no': 'No',
    'reason damaged': 'Damaged',
    'reason worn': 'Not readable any more',
    'reason other': 'Another reason',
    'problem twice': 'Booked twice',
    'problem amount': 'Wrong amount',
    'problem goods': 'Did not get what was paid for',
    'problem unknown': 'Not known to the customer',
  }),
)

/** The size of a file as people read it: "340 KB", "1.2 MB". */
export function shownSize(bytes: number): string {
  const large = bytes >= 1_000_000
  const number = new Intl.NumberFormat('en', { maximumFractionDigits: large ? 1 : 0 })
  return large ? `${number.format(bytes / 1_000_000)} MB` : `${number.format(Math.ceil(bytes / 1000))} KB`
}

/** A country's code becomes its name, a choice its words; everything else is shown as it is. */
export function shownValue(field: string, value: string): string {
  const chosen = CHOICES.get(`${field} ${value}`)
  if (chosen) return chosen
  if (field !== 'country' || !/^[A-Z]{2}$/.test(value)) return value
  return new Intl.DisplayNames(['en'], { type: 'region' }).of(value) ?? value
}
