// What a Relay application asks of a schema: pages kept together, a fragment fetched again by id, edges put into lists, events.
import { graphql } from "relay-runtime";

export const page = graphql`
  query appPageQuery($count: Int = 20, $cursor: String) {
    viewer {
      user {
        ...app_user
      }
    }
  }
`;

export const user = graphql`
  fragment app_user on User @refetchable(queryName: "appUserRefetchQuery") {
    id
    username
    highlights(first: $count, after: $cursor) @connection(key: "app_user_highlights") {
      totalCount
      edges {
        node {
          id
          ...app_highlight
        }
      }
    }
  }
`;

export const highlight = graphql`
  fragment app_highlight on Highlight @refetchable(queryName: "appHighlightRefetchQuery") {
    text
    note
    color
    createdAt
    book {
      title
    }
  }
`;

export const write = graphql`
  mutation appWriteMutation($input: CreateHighlightInput!, $connections: [ID!]!) {
    createHighlight(input: $input) {
      highlight @prependNode(connections: $connections, edgeTypeName: "HighlightEdge") {
        id
        ...app_highlight
      }
      userErrors {
        field
        code
        message
      }
    }
  }
`;

export const remove = graphql`
  mutation appRemoveMutation($input: RemoveDeviceInput!) {
    removeDevice(input: $input) {
      removedDeviceId @deleteRecord
      userErrors {
        message
      }
    }
  }
`;

export const follow = graphql`
  subscription appFollowSubscription($deviceId: ID!) {
    highlightChanges(deviceId: $deviceId) {
      ... on HighlightUpserted {
        highlight {
          ...app_highlight
        }
      }
      ... on HighlightRemoved {
        highlightId @deleteRecord
      }
    }
  }
`;
