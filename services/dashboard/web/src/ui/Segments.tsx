import { useId } from "react";

/** One of a few, all in sight. */
export function Segments<T extends string>({ label, value, onChange, choices }: { label: string; value: T; onChange: (value: T) => void; choices: readonly (readonly [T, string])[] }) {
  const name = useId();
  return (
    <fieldset>
      <legend>{label}</legend>
      <span className="seg">
        {choices.map(([choice, text]) => (
          <label key={choice}>
            <input type="radio" name={name} checked={choice === value} onChange={() => onChange(choice)} />
            {text}
          </label>
        ))}
      </span>
    </fieldset>
  );
}
