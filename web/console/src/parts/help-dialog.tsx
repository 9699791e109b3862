import { useState } from 'react'
import { keysAreOn, setKeysOn } from '../keys'
import { Popup } from './dialog'

const KEYS = [
  ['j', 'Next conversation in the list'],
  ['k', 'Previous conversation in the list'],
  ['Enter', 'Open the conversation in focus'],
  ['/', 'Search all conversations'],
  ['t', 'Take the open conversation over'],
  ['r', 'Write a reply'],
  ['Ctrl + Enter', 'Send the reply'],
  ['?', 'This help'],
  ['Esc', 'Close a dialog, or leave the search'],
] as const

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const [on, setOn] = useState(keysAreOn)
  return (
    <Popup title="Keyboard shortcuts" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => {
            setKeysOn(event.target.checked)
            setOn(event.target.checked)
          }}
        />
        Single keys act as shortcuts
      </label>
    </Popup>
  )
}
