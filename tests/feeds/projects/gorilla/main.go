// Writes posts.json as RSS, Atom and JSON Feed, by gorilla/feeds.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/gorilla/feeds"
)

type post struct {
	Slug      string    `json:"slug"`
	Title     string    `json:"title"`
	WrittenAt time.Time `json:"written_at"`
	Authors   []string  `json:"authors"`
	Summary   string    `json:"summary"`
	HTML      string    `json:"html"`
	Picture   string    `json:"picture"`
}

type site struct {
	Site  string `json:"site"`
	Name  string `json:"name"`
	Posts []post `json:"posts"`
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	var given site
	if err := json.Unmarshal(must(os.ReadFile("posts.json")), &given); err != nil {
		panic(err)
	}
	feed := &feeds.Feed{Title: given.Name, Link: &feeds.Link{Href: given.Site}, Created: given.Posts[2].WrittenAt}
	for _, post := range given.Posts {
		item := &feeds.Item{
			Title:       post.Title,
			Link:        &feeds.Link{Href: given.Site + post.Slug + "/"},
			Description: post.Summary,
			Content:     post.HTML,
			Author:      &feeds.Author{Name: strings.Join(post.Authors, " and ")},
			Created:     post.WrittenAt,
		}
		if post.Picture != "" {
			item.Enclosure = &feeds.Enclosure{Url: post.Picture, Type: "image/jpeg", Length: "9000"}
		}
		feed.Items = append(feed.Items, item)
	}
	os.WriteFile("rss.xml", []byte(must(feed.ToRss())), 0o644)
	os.WriteFile("atom.xml", []byte(must(feed.ToAtom())), 0o644)
	os.WriteFile("feed.json", []byte(must(feed.ToJSON())), 0o644)
}
