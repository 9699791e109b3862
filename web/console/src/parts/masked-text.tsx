import { withHandles, withLinks } from '@answerable/sdk'
import { Icon } from './icon'

const NAMES = new Map(Object.entries({
  card: 'Card number',
  cvv: 'Security code',
  iban: 'IBAN',
  bic: 'BIC',
  phone: 'Phone number',
  email: 'E-mail address',
  national_id: 'National ID',
  tax_id: 'Tax ID',
  date_of_birth: 'Date of birth',
  account_number: 'Account number',
  passport: 'Passport number',
  ip: 'IP address',
  name: 'Name',
  address: 'Address',
}))

/** What strangers wrote, as text: handles become chips, web addresses links, and nothing is markup. */
export function MaskedText({ text, links = true }: { text: string; links?: boolean }) {
  return (
    <>
      {withHandles(text).map((part, index) =>
        part.kind === 'handle' ? (
          <Handle key={index} type={part.type} number={part.number} />
        ) : links ? (
          <Linked key={index} text={part.text} />
        ) : (
          part.text
        ),
      )}
    </>
  )
}

function Linked({ text }: { text: string }) {
  return (
    <>
      {withLinks(text).map((part, index) =>
        part.kind === 'link' ? (
          <a key={index} href={part.href} target="_blank" rel="noopener noreferrer">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </>
  )
}

function Handle({ type, number }: { type: string; number: number }) {
  const name = NAMES.get(type) ?? type.replace(/[-_]/g, ' ')
  return (
    <span className="handle" title={`${name} ${number}: personal data, masked`}>
      <Icon name="lock" />
      {name} {number}
      <span className="sr"> (personal data, masked)</span>
    </span>
  )
}
