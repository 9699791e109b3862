const PATHS = {
  queue: 'M4 6h16M4 12h16M4 18h10',
  person: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5',
  people:
    'M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 19c.8-3.4 3.3-5 6.5-5s5.7 1.6 6.5 5M16 4.5a3.5 3.5 0 010 6.3M18.2 14.7c1.8.8 2.9 2.2 3.3 4.3',
  assistant: 'M12 3v3M6 8.5h12v10H6zM3 12v3M21 12v3M9.5 12.5v1.5M14.5 12.5v1.5',
  inbox: 'M4 13l3-8h10l3 8v6H4zM4 13h5l1.5 2.5h3L15 13h5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  chat: 'M4 5h16v11H10l-4 4v-4H4z',
  email: 'M3.5 6h17v12h-17zM3.5 7l8.5 6 8.5-6',
  phone: 'M7 3h10v18H7zM11 18h2',
  back: 'M15 5l-7 7 7 7',
  model: 'M4 20V10M10 20V4M16 20v-7M22 20H2',
  stamp: 'M9.5 13.5c.6-2 .2-3.6-.6-5a3.4 3.4 0 116.2 0c-.8 1.4-1.2 3-.6 5M5 13.5h14v4H5zM5 21h14',
  lock: 'M6.5 11h11v8.5h-11zM9 11V8a3 3 0 016 0v3',
  clock: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3 2',
  warning: 'M12 4l9 16H3zM12 10v4.5M12 17v.5',
  clip: 'M8 12.5l6-6a3 3 0 014.5 4.5l-8 8a5 5 0 01-7-7l7.5-7.5',
  help: 'M9 9.5a3 3 0 116 0c0 2-3 2.5-3 4.5M12 17.5v.5',
  out: 'M14 4H5v16h9M10 12h10M16.5 8.5L20 12l-3.5 3.5',
  send: 'M4 12l16-8-5 16-3.5-6.5z',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.5 17a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM15.5 15.5L20 20',
  close: 'M6 6l12 12M18 6L6 18',
} as const

export type IconName = keyof typeof PATHS

/** A picture beside words; where it stands alone, its button carries the label. */
export function Icon({ name, label }: { name: IconName; label?: string }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

export function ChannelIcon({ channel }: { channel: string }) {
  const name = channel === 'email' ? 'email' : channel === 'sms' || channel === 'voice' ? 'phone' : 'chat'
  return <Icon name={name} label={channel} />
}
